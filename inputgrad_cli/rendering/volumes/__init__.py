"""Kinds of pictures of volumes and videos, and what they share."""
