/** Error names that XS_ERROR replies carry. Reference: Xen public header io/xs_wire.h, xsd_errors. */
export type ErrorName =
  | "EINVAL"
  | "EACCES"
  | "EEXIST"
  | "EISDIR"
  | "ENOENT"
  | "ENOMEM"
  | "ENOSPC"
  | "EIO"
  | "ENOTEMPTY"
  | "ENOSYS"
  | "EROFS"
  | "EBUSY"
  | "EAGAIN"
  | "EISCONN"
  | "E2BIG"
  | "EPERM";

/** A request that the store refuses; `name` of the errno goes back to whoever asked. */
export class StoreError extends Error {
  constructor(readonly errno: ErrorName) {
    super(errno);
  }
}
