"""Methods that replace derivatives in the backward pass by other rules."""
