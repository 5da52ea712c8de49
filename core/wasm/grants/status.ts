// GNTST_*: what became of one element of a grant_table_op list (public/grant_table.h).

export const OKAY: i32 = 0;
export const GENERAL_ERROR: i32 = -1;
export const BAD_DOMAIN: i32 = -2;
export const BAD_GNTREF: i32 = -3;
export const BAD_HANDLE: i32 = -4;
export const BAD_VIRT_ADDR: i32 = -5;
export const NO_DEVICE_SPACE: i32 = -7;
export const PERMISSION_DENIED: i32 = -8;
export const BAD_PAGE: i32 = -9;
export const BAD_COPY_ARG: i32 = -10;
export const EAGAIN: i32 = -12;
