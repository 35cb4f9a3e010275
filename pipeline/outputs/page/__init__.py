"""What the HTML pages share: the style, parts of charts as SVG, and how a template becomes one file."""
