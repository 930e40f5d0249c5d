"""The push beside its floor, and its parts by themselves: `make bench`."""
