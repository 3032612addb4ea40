"""The package from Python: what `import curator` offers."""
