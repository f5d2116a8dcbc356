"""Reports: one JSON file, one ``.hgrm``, one HTML page that needs nothing else."""
