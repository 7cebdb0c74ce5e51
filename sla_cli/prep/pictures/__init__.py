"""From image files and videos to encoded frames."""
