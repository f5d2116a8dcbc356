"""The command-line tools beside a worker: each module is one command or shared by several."""
