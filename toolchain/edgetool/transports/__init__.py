"""How bytes reach a device and come back: serial lines, and the tools that write flash."""
