"""What people run beside a worker: each module is one command or what several share."""
