"""The templates and the style sheet; a package, so that they are installed with the pages."""
