"""Names and addresses: as text, looked up, and those of the interfaces; the words of errors."""
