"""`GenServer`: the rules of a server, and what runs them."""
