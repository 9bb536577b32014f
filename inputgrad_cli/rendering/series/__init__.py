"""Kinds of pictures of signals, sounds and sequences, and what they share."""
