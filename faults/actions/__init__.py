"""What happens in each fault; the list of them is :mod:`faults.catalog`."""
