//! Many nodes as one: identity, links, membership, the replicated catalog, placement. Nothing is
//! here yet: a node stands alone, and its catalog lies in its own journal.
