"""What maximize moves: parametrizations of inputs, random movements, and Adam."""
