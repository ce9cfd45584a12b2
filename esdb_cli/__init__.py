"""The command `esdb`: migrates the event store's schema, makes its partitions and calls its functions."""
