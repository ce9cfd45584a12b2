"""How fast the store is, beside its peers, on one server in one run."""
