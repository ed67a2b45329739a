"""Files with lists of numbers: reading them at any size, guessing their columns, reading their dates."""
