/**
 * A guest's own code for what a sequence does: a loop over a list of records, each an access or a
 * hypercall. What faults is noted, and the loop goes on. So a translation that is used, changed and used
 * again stays cached in between, as nothing but the guest runs.
 */
import { BASE, PAGES } from "./acts.ts";

/** Pages of the guest beyond those that sequences play with. */
export const CODE = PAGES, LIST = PAGES + 1, STACK = PAGES + 2;
export const EXTRA = 3;
export const RECORD = 32, MOST = 4096 / RECORD - 1;

/** What a record asks for; above CALL it is a hypercall's number. */
export const KINDS = { end: 0, read: 1, write: 2, modify: 3, locked: 4 } as const;
export const CALL = 16;
/** Where in a page is the word that says which frame it is: what a store gives as its result. */
export const TAG = 0xff8;
/** What becomes of it. */
export const DONE = 1, FAULT = 2;
/** Words of a record: kind, four registers (an address and a value, of an access), result, status. */
export const RESULT = 5, STATUS = 6;

const va = (page: number) => BASE + page * 4096;
export const TOP = va(STACK) + 4096;

const dword = (v: number) => [v & 255, (v >>> 8) & 255, (v >>> 16) & 255, v >>> 24];
/** [ebp + offset] of an instruction whose register field is reg. */
const field = (reg: number, word: number) => [0x45 | (reg << 3), word * 4];

function assemble(): { bytes: number[]; handler: number } {
  const bytes: number[] = [];
  const labels = new Map<string, number>();
  const jumps: [number, string][] = [];
  const put = (...b: number[]) => bytes.push(...b);
  const jump = (opcode: number, to: string) => {
    put(opcode, 0);
    jumps.push([bytes.length, to]);
  };
  const label = (name: string) => labels.set(name, bytes.length);
  put(0xbd, ...dword(va(LIST))); // mov ebp, LIST
  label("next");
  put(0x8b, ...field(0, 0)); // mov eax, kind
  put(0x8b, ...field(3, 1), 0x8b, ...field(1, 2)); // mov ebx, ecx: address, value
  put(0x8b, ...field(2, 3), 0x8b, ...field(6, 4)); // mov edx, esi
  put(0x83, 0xe8, CALL); // sub eax, CALL
  jump(0x7d, "call"); // jge
  put(0x83, 0xc0, CALL); // add eax, CALL
  jump(0x74, "end"); // jz
  put(0x48); // dec eax
  jump(0x74, "read");
  put(0x48);
  jump(0x74, "write");
  put(0x48);
  jump(0x74, "modify");
  put(0xf0, 0x09, 0x0b); // lock or [ebx], ecx
  jump(0xeb, "tag");
  label("call");
  put(0xcd, 0x82); // int 0x82
  jump(0xeb, "result");
  label("read");
  put(0x8b, 0x03); // mov eax, [ebx]
  label("result");
  put(0x89, ...field(0, RESULT));
  jump(0xeb, "done");
  label("write");
  put(0x89, 0x0b); // mov [ebx], ecx
  jump(0xeb, "tag");
  label("modify");
  put(0x09, 0x0b); // or [ebx], ecx
  label("tag");
  put(0xc7, ...field(0, STATUS), ...dword(DONE));
  put(0x81, 0xe3, ...dword(0xfffff000)); // and ebx, -4096
  put(0x8b, 0x83, ...dword(TAG)); // mov eax, [ebx + TAG]
  put(0x89, ...field(0, RESULT));
  label("done");
  put(0xc7, ...field(0, STATUS), ...dword(DONE));
  label("step");
  put(0x83, 0xc5, RECORD); // add ebp, RECORD
  jump(0xeb, "next");
  label("handler");
  put(0x58, 0xbc, ...dword(TOP)); // pop eax: the error code; mov esp, TOP
  put(0x83, 0x7d, STATUS * 4, 0); // cmp status, 0: not for the tag's sake
  jump(0x75, "step");
  put(0x89, ...field(0, RESULT));
  put(0xc7, ...field(0, STATUS), ...dword(FAULT));
  jump(0xeb, "step");
  label("end");
  put(0xeb, 0xfe);
  for (const [at, to] of jumps) bytes[at - 1] = (labels.get(to)! - at) & 255;
  return { bytes, handler: va(CODE) + labels.get("handler")! };
}

export const { bytes: IMAGE, handler: HANDLER } = assemble();
export const START = va(CODE);
