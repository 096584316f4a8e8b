"""The command line: thin commands over the recipes, each in its own file, loaded when it is called."""
