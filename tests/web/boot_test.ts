/// <reference lib="dom" />
/** The page boots guests: the one that comes with it, what a link says, and files that people give. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { cpioArchive } from "../../guest/cpio.ts";
import { guestForTest } from "../guests/debian.ts";
import { crashes, echoes } from "../cli/tiny_guest.ts";
import { pageTest, type Tab } from "./rig.ts";

/** Drops a file on the page, as the browser tells of it. */
async function drop(tab: Tab, name: string, bytes: Uint8Array): Promise<void> {
  const files = await tab.page.evaluateHandle(
    ({ name, bytes }) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([Uint8Array.from(bytes)], name));
      return transfer;
    },
    { name, bytes: [...bytes] },
  );
  for (const type of ["dragenter", "dragover"]) {
    await tab.page.dispatchEvent("body", type, { dataTransfer: files });
  }
  assert.ok(await tab.page.locator("#drop").isVisible(), "nothing says that a file may be dropped");
  await tab.page.dispatchEvent("body", "drop", { dataTransfer: files });
  assert.ok(await tab.page.locator("#drop").isHidden());
}

pageTest("the page boots Skiff to its prompt, and a command answers", async (tab) => {
  await tab.boot();
  assert.match(await tab.console(), /selftest: \d+ ok, 0 failed/);
  await tab.type("echo seventeen and four");
  await tab.sees(/^seventeen and four$/m);
  assert.equal(await tab.page.locator("#status").getAttribute("data-state"), "running");
});

pageTest("a button below the console types a command", async (tab) => {
  await tab.boot();
  await tab.page.locator("#suggestions button", { hasText: /^ps$/ }).click();
  await tab.sees(/skiff> ps\n[\s\S]*running .* ps\n *skiff> *$/);
  // what follows is typed at the console again
  await tab.page.keyboard.type("halt\n");
  await tab.status("ended");
  assert.ok(await tab.page.locator("#suggestions").isHidden());
});

pageTest("no script or file from elsewhere is let in", async (tab) => {
  await tab.boot();
  const refused = await tab.page.evaluate(async () => {
    const directives: string[] = [];
    document.addEventListener(
      "securitypolicyviolation",
      (event) => directives.push(event.effectiveDirective),
    );
    await fetch("http://127.0.0.1:9/").catch(() => {});
    const script = document.createElement("script");
    script.textContent = "document.title = 'changed'";
    document.body.append(script);
    const picture = new Image();
    picture.src = "http://127.0.0.1:9/x.png";
    await new Promise((settle) => picture.onerror = settle);
    return { directives, title: document.title };
  });
  assert.deepEqual(refused.directives.sort(), ["connect-src", "img-src", "script-src-elem"]);
  assert.equal(refused.title, "Paravane");
  // that is what was asked for here, not something that went wrong
  assert.equal(tab.complaints.splice(0).length >= 3, true);
});

pageTest("a link carries guest, command line, memory and vCPUs", async (tab) => {
  await tab.boot("#guest=skiff&cmdline=quiet+please&memory=24&vcpus=2");
  assert.match(await tab.console(), /command line "quiet please"/);
  assert.match(await tab.console(), /memory: 6144 pages, 24 MiB/);
  assert.match(
    await tab.page.locator("#setup-summary").innerText(),
    /24 MiB.*2 vCPUs.*quiet please/,
  );
  // another choice, and its link
  await tab.page.locator("#setup summary").click();
  await tab.page.locator("#memory").fill("32");
  await tab.page.locator("#command-line").fill("a=1&b=#2");
  await tab.page.locator("#boot").click();
  await tab.sees(/command line "a=1&b=#2"[\s\S]*memory: 8192 pages/);
  const link = new URL(tab.page.url()).hash;
  // the same link in another tab boots the same
  await tab.page.goto("about:blank");
  await tab.boot(link);
  assert.match(await tab.console(), /command line "a=1&b=#2"[\s\S]*memory: 8192 pages/);
});

pageTest("a link that is changed by hand boots what it says then", async (tab) => {
  await tab.boot();
  await tab.page.evaluate(() => location.hash = "#guest=skiff&memory=20");
  await tab.sees(/memory: 5120 pages/);
  await tab.page.evaluate(() => location.hash = "#guest=../../etc&memory=99999999&vcpus=-1");
  await tab.sees(/memory: 16384 pages/);
});

pageTest("a chosen kernel boots: Debian's GRUB", async (tab) => {
  const grub = await guestForTest("grub-i386-xen.bin");
  if (!grub) return;
  await tab.open();
  await tab.bootFile("grub-i386-xen.bin", await Deno.readFile(grub));
  await tab.sees(/grub> *$/);
  await tab.type("echo nine");
  await tab.sees(/^nine$/m);
  await tab.type("halt");
  await tab.status("ended");
});

pageTest("a dropped kernel boots, and gets what is typed", async (tab) => {
  await tab.boot();
  await drop(tab, "echo.elf", echoes());
  await tab.status("running");
  await tab.until(
    "the guest's name",
    async () => /echo\.elf/.test(await tab.page.locator("#setup-summary").innerText()),
  );
  await tab.page.locator("#terminal textarea").focus();
  await tab.page.keyboard.type("hello");
  await tab.sees(/hello/);
  await tab.page.keyboard.type("q");
  await tab.status("ended");
});

pageTest("what is no kernel is refused with a line that says why", async (tab) => {
  const cases: [string, Uint8Array, RegExp][] = [
    ["text.txt", new TextEncoder().encode("not a kernel at all\n"), /not an ELF image/],
    ["short.elf", crashes().slice(0, 60), /program headers .* outside the file/],
    ["empty.elf", new Uint8Array(), /the image is empty/],
    ["broken.gz", Uint8Array.of(0x1f, 0x8b, 8, 0, 1, 2, 3), /damaged gzip data/],
  ];
  await tab.boot();
  await tab.page.locator("#setup summary").click();
  await tab.page.locator("#guest").selectOption("file");
  await tab.page.locator("#boot").click();
  await tab.status("stopped");
  assert.match(await tab.page.locator("#message-text").textContent() ?? "", /choose a kernel/);
  for (const [name, bytes, says] of cases) {
    await tab.bootFile(name, bytes);
    await tab.status("stopped");
    const message = await tab.page.locator("#message-text").textContent() ?? "";
    assert.match(message, says, name);
    assert.doesNotMatch(message, /undefined|null|\[object|TypeError|RangeError|\n/, name);
    await tab.page.locator("#message-close").click();
    assert.ok(await tab.page.locator("#message").isHidden());
  }
  // and the page goes on
  await tab.page.locator("#setup summary").click();
  await tab.page.locator("#guest").selectOption("skiff");
  await tab.page.locator("#boot").click();
  await tab.prompt();
});

pageTest("a Linux program runs from a ramdisk that is chosen", async (tab) => {
  const busybox = await guestForTest("busybox-i386");
  if (!busybox) return;
  const archive = cpioArchive({ busybox: await Deno.readFile(busybox) });
  await tab.open("#guest=loader&cmdline=busybox+echo+here");
  // without its ramdisk it has nothing to run
  await tab.status("ended", "crash");
  await tab.page.locator("#setup summary").click();
  assert.match(await tab.page.locator("#loader-hint").innerText(), /needs a ramdisk/);
  await tab.page.locator("#ramdisk-file").setInputFiles({
    name: "ramdisk.cpio",
    mimeType: "application/octet-stream",
    buffer: Buffer.from(archive),
  });
  await tab.page.locator("#command-line").fill("busybox dc -e 6_7*p");
  await tab.page.locator("#boot").click();
  await tab.sees(/^-42$/m);
  await tab.status("ended");
});

pageTest("the page's files work under any path of any host", async (tab) => {
  const elsewhere = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => {
      const { pathname, search } = new URL(request.url);
      const name = /^\/some\/where\/([^/]*)$/.exec(pathname)?.[1];
      if (name === undefined) return new Response("not here", { status: 404 });
      return fetch(tab.base + name + search);
    },
  );
  const host = `http://127.0.0.1:${elsewhere.addr.port}`;
  tab.hosts.clear();
  tab.hosts.add(host);
  try {
    await tab.page.goto(`${host}/some/where/#guest=skiff&memory=40`);
    await tab.prompt();
    assert.match(await tab.console(), /memory: 10240 pages/);
    await tab.page.locator("#tab-blocks").click();
    await tab.type("hog &");
    await tab.page.locator("#blocks-rows button").first().click();
    await tab.page.locator("#blocks-x86", { hasText: /[0-9a-f]{8} / }).waitFor();
  } finally {
    await tab.page.goto("about:blank");
    await elsewhere.shutdown();
  }
});
