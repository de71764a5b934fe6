"""Builders: models that edgetool makes itself, named by a recipe as "module:function"."""
