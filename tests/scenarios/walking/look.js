// What a careful eye finds on a page: told as a list of faults, which is empty where all is well.
(() => {
  const faults = [];
  const shown = (element) => {
    const box = element.getBoundingClientRect();
    const style = getComputedStyle(element);
    return box.width > 0 && box.height > 0 && style.visibility !== "hidden" && Number(style.opacity) > 0 && !element.closest(".unseen, .skip") && element.checkVisibility();
  };
  const named = (element) => `${element.tagName.toLowerCase()}.${element.className.baseVal ?? element.className} "${(element.textContent || element.name || "").trim().slice(0, 30)}"`;

  // Nothing sticks out.
  const wider = document.documentElement.scrollWidth - innerWidth;
  if (wider > 0) faults.push(`the page is ${wider} wider than its window`);

  // What can be pressed lies over nothing else that can be, and has a name.
  const controls = [...document.querySelectorAll("main :is(a, button, input, select, textarea, summary), header :is(a, button)")]
    .filter((one) => shown(one) && one.type !== "hidden" && !one.closest("svg"));
  const boxes = controls.map((one) => [...one.getClientRects()].filter((box) => box.width > 0));
  const clipped = (one) => one.closest(".scroll, .row, .source");
  controls.forEach((one, at) => {
    const label = one.getAttribute("aria-label") || one.textContent.trim() || one.title || [...(one.labels ?? [])].map((label) => label.textContent).join("");
    if (!label.trim()) faults.push(`${named(one)} has no name`);
    for (let other = at + 1; other < controls.length; other += 1) {
      if (one.contains(controls[other]) || controls[other].contains(one) || clipped(one) !== clipped(controls[other])) continue;
      const over = boxes[at].some((a) => boxes[other].some((b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1));
      if (over) faults.push(`${named(one)} lies over ${named(controls[other])}`);
    }
  });

  // Cards stand beside or below each other.
  const cards = [...document.querySelectorAll("main .card, main .tiles, main .flash")].filter(shown);
  cards.forEach((one, at) => cards.slice(at + 1).forEach((other) => {
    const [a, b] = [one.getBoundingClientRect(), other.getBoundingClientRect()];
    const over = !one.contains(other) && !other.contains(one) && Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1;
    if (over) faults.push(`${named(one)} lies over ${named(other)}`);
  }));

  // Text can be read: WCAG 2 asks for 4.5 to 1.
  const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const light = ([r, g, b]) => [r, g, b].map((part) => part / 255).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)).reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
  const ground = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = rgba(getComputedStyle(one).backgroundColor);
      if (colour[3] > 0.99) return colour;
    }
    return rgba("Canvas");
  };
  const seen = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || element.closest("svg, script, style, option, [disabled]") || !shown(element)) continue;
    const [front, back] = [rgba(getComputedStyle(element).color), ground(element)];
    const key = `${front}|${back}`;
    if (seen.has(key)) continue;
    seen.add(key);
    const [a, b] = [light(front), light(back)].sort((one, other) => other - one);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < 4.5) faults.push(`${named(element)} has a contrast of ${contrast.toFixed(2)}`);
  }

  if (!document.title || document.querySelectorAll("h1").length !== 1) faults.push("a page has a title and one first heading");
  if (document.documentElement.outerHTML.length > 100_000) faults.push(`the page has ${document.documentElement.outerHTML.length} letters`);
  return faults;
})()
