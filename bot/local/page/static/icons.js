// A few line drawings, on a grid of 20.

const PATHS = {
  check: "M4 10.5l4 4 8-9",
  close: "M5 5l10 10M15 5L5 15",
  eye: "M2 10s3-5 8-5 8 5 8 5-3 5-8 5-8-5-8-5zM10 12.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4",
  hash: "M8 3L6 17M14 3l-2 14M4 7.5h13M3 12.5h13",
  menu: "M3 5.5h14M3 10h14M3 14.5h14",
  send: "M4 4l13 6-13 6 2-6zM6 10h4",
  slash: "M13 4L7 16",
};

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}
