"""What all HTML pages share: templates, style and figures."""
