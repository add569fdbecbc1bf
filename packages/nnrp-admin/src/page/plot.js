/** Draws two series of numbers over the last minutes. A gap is a number that is missing. */
export function plot(canvas, samples, names, format, minutes) {
  const { clientWidth: width, clientHeight: height } = canvas;
  const scale = devicePixelRatio;
  canvas.width = width * scale;
  canvas.height = height * scale;
  const context = canvas.getContext('2d');
  context.scale(scale, scale);
  const style = getComputedStyle(canvas);
  const [left, bottom, top] = [58, 18, 6];
  const most = niceAbove(Math.max(...samples.flatMap((sample) => names.map((name) => sample[name] ?? 0)), 0));
  const now = samples.at(-1)?.atMs ?? 0;
  const span = minutes * 60_000;
  const x = (atMs) => left + (1 - (now - atMs) / span) * (width - left - 4);
  const y = (value) => top + (1 - value / most) * (height - top - bottom);
  context.font = `11px ${style.fontFamily}`;
  context.lineWidth = 1;
  for (const part of [0, 0.5, 1]) {
    const at = Math.round(y(most * part)) + 0.5;
    context.strokeStyle = style.getPropertyValue('--edge');
    context.beginPath();
    context.moveTo(left, at);
    context.lineTo(width - 4, at);
    context.stroke();
    context.fillStyle = style.getPropertyValue('--soft');
    context.textAlign = 'right';
    context.fillText(format(most * part), left - 6, at + 4);
  }
  for (let minute = 0; minute <= minutes; minute++) {
    context.textAlign = minute === 0 ? 'right' : 'center';
    context.fillText(
      minute === 0 ? 'now' : `-${minute} min`,
      x(now - minute * 60_000) + (minute === minutes ? 16 : 0),
      height - 3,
    );
  }
  context.lineJoin = 'round';
  context.lineWidth = 1.75;
  names.forEach((name, index) => {
    const color = style.getPropertyValue(index === 0 ? '--a' : '--b');
    context.strokeStyle = color;
    context.fillStyle = color;
    let isOpen = false;
    context.beginPath();
    for (const sample of samples) {
      const value = sample[name];
      if (value !== undefined) context[isOpen ? 'lineTo' : 'moveTo'](x(sample.atMs), y(value));
      isOpen = value !== undefined;
    }
    context.stroke();
  });
}

/** The next of 1, 2, 5, 10, 20 and so on. */
function niceAbove(value) {
  if (value <= 0) return 1;
  const ten = 10 ** Math.floor(Math.log10(value));
  return ten * ([1, 2, 5, 10].find((step) => step * ten >= value) ?? 10);
}
