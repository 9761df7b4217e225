// Drives the pages of this folder in Chromium. Each line of the input is a request
// in JSON, [verb, ...values], and gets a line back: {} or {"error": ...}.
//
//	["open", homeserver, user, password, room]  signs the friend in and shows the room
//	["say", text]                               the friend types it, Enter at the end
//	["react", text, emoji]                      the friend reacts to the message with this text
//	["see", text]                               waits until the friend's client shows it
//	["shoot", file, text, bytes, cols, rows]    the picture, from the message with this text on,
//	                                            with what the box's terminal got
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { extname, join, normalize } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { chromium } from "playwright-core";

const here = fileURLToPath(new URL(".", import.meta.url));

// At README width, about 900 pixels, letters have the size that they have here;
// the picture has half as many pixels again for screens that show more. The height
// is enough for all that is said, and is cut to it in the end.
const view = { width: 940, height: 800 }, deviceScaleFactor = 1.5;

const types = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };

await build({ entryPoints: [join(here, "friend/client.mjs")], outfile: join(here, "friend/built.js"), bundle: true, format: "esm",
  external: ["fs", "path", "crypto"], logLevel: "error" });

// Hydrogen's service worker must lie beside its page. All pages below it would have
// to answer it, so that one has a folder of its own.
const places = { "/": "index.html", "/friend/": "friend/index.html", "/friend/sw.js": "node_modules/hydrogen-view-sdk/lib-build/sw.js" };

const server = createServer(async (req, resp) => {
  const path = normalize(new URL(req.url, "http://here").pathname);
  try {
    const data = await readFile(join(here, places[path] ?? path));
    resp.setHeader("Content-Type", types[extname(path) || ".html"] ?? "application/octet-stream");
    resp.end(data);
  } catch {
    resp.writeHead(404).end();
  }
});
await new Promise(listens => server.listen(0, "127.0.0.1", listens));

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: ["--no-sandbox"] });
const page = await browser.newPage({ viewport: view, deviceScaleFactor });
page.on("pageerror", e => console.error("page:", e));
page.on("console", m => m.type() === "error" && console.error("page:", m.text(), m.location().url));
await page.goto(`http://127.0.0.1:${server.address().port}/`);
const friend = page.frame("friend"), box = page.frame("box");

const verbs = {
  open: (...values) => friend.evaluate(v => show(...v), values),
  async say(text) {
    const composer = friend.locator(".MessageComposer_input textarea");
    await composer.pressSequentially(text);
    await composer.press("Enter");
    await verbs.see(text);
    // Sent, and known to be: a message under way is shown paler.
    await friend.locator(".Timeline_message.unsent").first().waitFor({ state: "detached" });
  },
  react: (...values) => friend.evaluate(v => react(...v), values),
  see: text => friend.locator(".Timeline_messageBody", { hasText: text }).last().waitFor(),
  async shoot(file, text, ...terminal) {
    await box.evaluate(v => show(...v), terminal);
    await friend.evaluate(() => document.fonts.ready);
    const surplus = await friend.evaluate(t => above(t), text);
    await page.setViewportSize({ ...view, height: view.height - surplus });
    await friend.waitForFunction(t => Math.abs(above(t)) < 2, text); // it scrolls to its end
    await page.screenshot({ path: file });
  },
};
for await (const line of createInterface({ input: process.stdin })) {
  const [verb, ...values] = JSON.parse(line);
  let answer = {};
  try {
    await verbs[verb](...values);
  } catch (e) {
    answer = { error: `${verb}: ${e.message}` };
  }
  console.log(JSON.stringify(answer));
}
await browser.close();
server.close();
