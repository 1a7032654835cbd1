// Every text that can be seen, with its contrast against what is behind it, as WCAG 2.2 computes it. One expression.
(() => {
  const WHITE = { r: 255, g: 255, b: 255, a: 1 };

  function parsed(color) {
    const [, kind, inside] = color.match(/^(rgba?|color)\(([^)]+)\)$/) ?? [];
    if (!kind) throw new Error(`a colour that this test cannot read: ${color}`);
    const numbers = inside.replace("srgb ", "").split(/[\s,/]+/).map(Number);
    const [r, g, b] = kind === "color" ? numbers.map((part) => part * 255) : numbers;
    return { r, g, b, a: numbers[3] ?? 1 };
  }

  function over(top, below) {
    const mixed = (part) => top[part] * top.a + below[part] * (1 - top.a);
    return { r: mixed("r"), g: mixed("g"), b: mixed("b"), a: 1 };
  }

  function luminance({ r, g, b }) {
    const linear = (part) => (part <= 10.31475 ? part / 3294.6 : ((part / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  }

  function contrast(one, other) {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  }

  function ancestors(element) {
    const chain = [];
    for (let at = element; at; at = at.parentElement) chain.unshift(at);
    return chain;
  }

  const faded = (element) => ancestors(element).reduce((all, one) => all * Number(getComputedStyle(one).opacity), 1);

  /** The backgrounds of all that an element is in, the innermost last. */
  function backgrounds(element) {
    return ancestors(element).map((one) => parsed(getComputedStyle(one).backgroundColor));
  }

  /** Filled shapes of a drawing, in the order in which they are painted; patterns and pictures are left out. */
  const shapes = new Map();
  function painted(drawing) {
    if (!shapes.has(drawing)) {
      const filled = [...drawing.querySelectorAll("path, rect, circle")].flatMap((shape) => {
        const style = getComputedStyle(shape);
        if (style.fill === "none" || style.fill.startsWith("url") || !shape.checkVisibility()) return [];
        const color = parsed(style.fill);
        color.a *= Number(style.fillOpacity) * faded(shape);
        return color.a > 0 ? [{ shape, color, box: shape.getBoundingClientRect() }] : [];
      });
      shapes.set(drawing, filled);
    }
    return shapes.get(drawing);
  }

  /** What lies below the middle of a text in a drawing. */
  function below(text, box, drawing) {
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    const under = painted(drawing).filter(
      ({ shape, box: of }) =>
        x >= of.left && x <= of.right && y >= of.top && y <= of.bottom &&
        shape.compareDocumentPosition(text) & Node.DOCUMENT_POSITION_FOLLOWING,
    );
    return under.map(({ color }) => color);
  }

  const written = ({ r, g, b }) => `rgb(${[r, g, b].map(Math.round).join(", ")})`;
  const found = [];

  function add(words, element, color, layers) {
    const behind = layers.reduce((bottom, top) => over(top, bottom), WHITE);
    const ink = { ...color, a: color.a * faded(element) };
    found.push({
      text: words.trim().slice(0, 60),
      color: written(over(ink, behind)),
      behind: written(behind),
      contrast: contrast(over(ink, behind), behind),
    });
  }

  // Controls that cannot be used are exempt, and what is there for screen readers only is not seen.
  const hidden = (element) =>
    !element.checkVisibility({ visibilityProperty: true }) || element.closest(":disabled") ||
    ancestors(element).some((one) => getComputedStyle(one).clipPath.startsWith("inset(50%"));

  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || element.closest("script, style, noscript, option, title, desc, template")) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const box = range.getBoundingClientRect();
    if (box.width < 2 || box.height < 2 || hidden(element) || faded(element) < 0.02) continue;
    const style = getComputedStyle(element);
    if (element instanceof SVGElement) {
      // A chart lies in several drawings, one on top of the other.
      const drawing = element.closest(".js-plotly-plot") ?? element.closest("svg");
      const color = parsed(style.fill);
      color.a *= Number(style.fillOpacity);
      add(node.data, element, color, [...backgrounds(drawing), ...below(element, box, drawing)]);
    } else {
      add(node.data, element, parsed(style.color), backgrounds(element));
    }
  }
  for (const field of document.querySelectorAll("input[type=number], input[type=text], select, textarea")) {
    if (hidden(field)) continue;
    const empty = field.value === "" && field.placeholder;
    add(empty || field.value, field, parsed(getComputedStyle(field, empty ? "::placeholder" : null).color), backgrounds(field));
  }
  return found;
})()
