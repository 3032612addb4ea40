"""The ground of compiled loops: compiler, buffers of strings, and types of arrays."""
