/**
 * What one guest may take of the store, so that none can use up the host's memory. The numbers are
 * the defaults of Xen 4.17's xenstored (options --entry-nb, --watch-nb, --transaction, --entry-size,
 * --perm-nb and the nodes of a transaction).
 */
export const QUOTA = {
  /** Nodes that a domain owns. */
  nodes: 1000,
  /** Watches that a domain has set. */
  watches: 128,
  /** Transactions that a domain has open. */
  transactions: 10,
  /** Nodes that one transaction has looked at or changed. */
  transactionNodes: 1024,
  /** Bytes of a node: value, names of the children and permissions. */
  nodeSize: 2048,
  /** Permission entries of a node. */
  permissions: 5,
  /** Bytes of replies and events that wait for room on the ring; above it no request is taken. */
  output: 64 * 1024,
  /** The same; above it watch events are lost, which is said once in the log. */
  events: 1024 * 1024,
} as const;
