"""One page that shows several results: what they score, what their levels do, and every question."""
