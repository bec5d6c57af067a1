// Free spots for boxes in a picture, and colours: what the HTML pages and the service's page share.
const CLEAR = 3; // rings around a node on which a spot over no line is looked for

// The nearest free spot for a box of `size` around the point `from`, on rings: over no box and, if
// there is one, on no line.
function freeSpot(from, { w, h }, boxes, lines) {
  let second = null;
  for (let ring = 1; ring <= CLEAR || (!second && ring < 30); ring += 1) {
    for (let turn = 0; turn < 10 * ring; turn += 1) {
      const angle = 2 * Math.PI * turn / (10 * ring) + ring / 2;
      const spot = { x: from.x + 185 * ring * Math.cos(angle), y: from.y + 115 * ring * Math.sin(angle), w, h };
      if (boxes.some((one) => Math.abs(one.x - spot.x) < (one.w + w) / 2 && Math.abs(one.y - spot.y) < (one.h + h) / 2)) continue;
      second = second || spot;
      const across = boxes.some((one) => (one.x !== from.x || one.y !== from.y) && crosses(from, spot, one));
      if (across || lines.some(([a, b]) => crosses(a, b, spot))) continue;
      return { x: spot.x, y: spot.y };
    }
  }
  return second ? { x: second.x, y: second.y } : { x: from.x, y: from.y };
}
// Whether the line from a to b crosses a box.
function crosses(a, b, box) {
  let low = 0, high = 1;
  for (const [axis, size] of [["x", box.w], ["y", box.h]]) {
    const along = b[axis] - a[axis], near = box[axis] - size / 2 - a[axis], far = box[axis] + size / 2 - a[axis];
    if (Math.abs(along) < 1e-9) { if (near > 0 || far < 0) return false; continue; }
    low = Math.max(low, Math.min(near / along, far / along));
    high = Math.min(high, Math.max(near / along, far / along));
  }
  return low <= high;
}

// Push boxes {x, y, w, h} apart until none is over another, each pair along the axis that needs less.
function pushApart(boxes) {
  for (let round = 0, moved = true; moved && round < 200; round += 1) {
    moved = false;
    boxes.forEach((one, at) => boxes.slice(at + 1).forEach((other) => {
      const across = (one.w + other.w) / 2 - Math.abs(one.x - other.x), up = (one.h + other.h) / 2 - Math.abs(one.y - other.y);
      if (across <= 0.5 || up <= 0.5) return;
      const axis = up <= across ? "y" : "x", step = Math.min(up, across) / 2, side = one[axis] <= other[axis] ? 1 : -1;
      one[axis] -= side * step;
      other[axis] += side * step;
      moved = true;
    }));
  }
}
// A colour (#rgb or #rrggbb) of which `share` is mixed into the ground.
function mix(colour, ground, share) {
  const part = (hex, at) => parseInt(hex.length === 4 ? hex[(at + 1) / 2] + hex[(at + 1) / 2] : hex.slice(at, at + 2), 16);
  const mixed = (at) => Math.round(share * part(colour, at) + (1 - share) * part(ground, at));
  return "rgb(" + [1, 3, 5].map(mixed).join(",") + ")";
}
