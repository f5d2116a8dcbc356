"""A broker of one process and other instruments of tests; not part of the package."""
