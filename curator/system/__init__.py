"""The ground: machine, memory, threads, files and text on a terminal."""
