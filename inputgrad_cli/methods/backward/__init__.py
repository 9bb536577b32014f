"""Methods that replace the backward pass by rules of their own."""
