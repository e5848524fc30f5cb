"""One test of the built daemon for each observable behaviour of an I/O completion port."""
