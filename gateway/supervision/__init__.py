"""Starting and watching processes: the embedded store, and the set of processes that `stopgate up` runs."""
