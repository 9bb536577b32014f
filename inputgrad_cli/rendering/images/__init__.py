"""Kinds of pictures of images, and what they share."""
