"""The zip file of a model, checked before anything reads it, and its unzipped form."""
