"""Reports of runs: one JSON file, one ``.hgrm``, one self-contained HTML page."""
