"""Methods that change the input and compare scores."""
