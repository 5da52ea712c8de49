/// <reference lib="dom" />
/** For tests of the page: the page served, a browser that looks at it, and what a person would do there. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { buildSite } from "../../web/build/site.ts";
import { serve } from "../../web/build/serve.ts";
import { chromiumForTest } from "./chromium.ts";

/** How long anything may take before a test gives it up, in milliseconds: a loaded machine is slow. */
const PATIENCE = 60_000;

/** The two widths that are looked at: a desk's and a phone's. */
export const WIDE = { width: 1280, height: 800 };
export const NARROW = { width: 390, height: 844 };

/** What a test has of the page. */
export class Tab {
  /** What the page's scripts complained of; the test fails if anything is left here. */
  readonly complaints: string[] = [];
  /** Who may be asked for files. */
  readonly hosts: Set<string>;

  constructor(readonly page: Page, readonly base: string) {
    this.hosts = new Set([new URL(base).origin]);
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) this.complaints.push(message.text());
    });
    page.on("pageerror", (error) => this.complaints.push(String(error)));
    page.on("crash", () => this.complaints.push("the tab crashed"));
    // the page asks nobody but its own host for anything
    page.on("request", (request) => {
      const { protocol, origin } = new URL(request.url());
      if (protocol === "data:" || this.hosts.has(origin)) return;
      this.complaints.push(`a request to another host: ${request.url()}`);
    });
  }

  /** Opens the page. @param hash what follows its address, with the "#" */
  async open(hash = ""): Promise<void> {
    await this.page.goto(this.base + hash);
  }

  /** Opens the page and waits for Skiff's prompt. */
  async boot(hash = ""): Promise<void> {
    await this.open(hash);
    await this.prompt();
  }

  /** Waits for Skiff's prompt on the console's last line. */
  async prompt(): Promise<void> {
    await this.sees(/skiff> *$/);
  }

  /** What the console shows, lines without the blanks at their end. */
  async console(): Promise<string> {
    const lines = await this.page.locator("#terminal .xterm-rows > div").allTextContents();
    return lines.map((line) => line.replaceAll("\u00a0", " ").trimEnd()).join("\n").trimEnd();
  }

  /** Waits until the console shows something. */
  async sees(what: RegExp): Promise<void> {
    await this.until(`the console to show ${what}`, async () => what.test(await this.console()));
  }

  /** Types a line at the console. */
  async type(line: string): Promise<void> {
    await this.page.locator("#terminal textarea").focus();
    await this.page.keyboard.type(line + "\n");
  }

  /** Chooses a kernel in the form, as a file of that name, and boots it. */
  async bootFile(name: string, bytes: Uint8Array): Promise<void> {
    await this.page.locator("#setup summary").click();
    await this.page.locator("#kernel-file").setInputFiles({
      name,
      mimeType: "application/octet-stream",
      buffer: Buffer.from(bytes),
    });
    await this.page.locator("#boot").click();
  }

  /** Waits for one of the states of the status line. */
  async status(...states: string[]): Promise<void> {
    const now = () => this.page.locator("#status").getAttribute("data-state");
    await this.until(
      `status ${states.join(" or ")}`,
      async () => states.includes(await now() ?? ""),
    );
  }

  /** Waits for something, and says what when it does not come. */
  async until(what: string, condition: () => Promise<boolean>): Promise<void> {
    const end = performance.now() + PATIENCE;
    while (!await condition()) {
      if (performance.now() > end) {
        const state = await this.page.locator("#status").textContent();
        const message = await this.page.locator("#message").textContent();
        throw new Error(
          `waited in vain for ${what}; status "${state}", message "${message?.trim()}", ` +
            `console:\n${await this.console()}\n${this.complaints.join("\n")}`,
        );
      }
      await new Promise((settle) => setTimeout(settle, 50));
    }
  }
}

interface Site {
  browser: Browser;
  server: Deno.HttpServer<Deno.NetAddr>;
}
let site: Promise<Site | null> | undefined;

/** The page and a browser, for all tests of a file. Null where there is no browser, after a line that says so. */
function open(): Promise<Site | null> {
  return site ??= (async () => {
    const browser = await chromiumForTest();
    return browser && { browser, server: serve(await buildSite(), 0) };
  })();
}

Deno.test.afterAll(async () => {
  const opened = await site?.catch(() => null);
  await opened?.browser.close();
  await opened?.server.shutdown();
});

/** A test in a tab of its own, at the wide size if nothing else is said. */
export function pageTest(
  name: string,
  body: (tab: Tab) => Promise<void>,
  options: BrowserContextOptions = {},
): void {
  // what playwright keeps open between tests is closed when all have run
  Deno.test({ name, sanitizeOps: false, sanitizeResources: false }, async () => {
    const opened = await open();
    if (!opened) return;
    const { browser, server } = opened;
    const context = await browser.newContext({ viewport: WIDE, ...options });
    context.setDefaultTimeout(PATIENCE);
    try {
      const tab = new Tab(await context.newPage(), `http://127.0.0.1:${server.addr.port}/`);
      await body(tab);
      assert.deepEqual(tab.complaints, [], "the page's scripts complained");
    } finally {
      await context.close();
    }
  });
}
