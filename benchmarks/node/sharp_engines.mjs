// sharp in the benchmark: `node sharp_engines.mjs ENGINE PHOTO FOLDER MODE RUNS WARM_UP PLAN WARM_UP_PLAN`.
// Prints the same JSON as engine_run.py.
import fs from "node:fs";
import path from "node:path";
import sharp from "sharp";

sharp.concurrency(1);
sharp.cache(false);

const [name, photo, folder, mode, runs, warmUp, plan, warmUpPlan] = process.argv.slice(2);
const jpeg = { quality: 85, progressive: mode === "progressive", optimiseCoding: true, chromaSubsampling: "4:2:0" };
const save = (index, content) => fs.writeFileSync(path.join(folder, `${index}.jpg`), content);

// The documented way: one input, a clone for each version. Cut afterwards as its own `fit: cover` does.
async function clone(data, versions) {
  const input = sharp(data);
  const { width: full, height: tall } = await input.metadata();
  const boxes = [];
  for (const [index, version] of versions.entries()) {
    const scale = Math.max(version.width / full, version.height / tall);
    const width = Math.max(version.width, Math.round(full * scale));
    const height = Math.max(version.height, Math.round(tall * scale));
    const left = Math.floor((width - version.width) / 2);
    const top = Math.floor((height - version.height) / 2);
    const small = input
      .clone()
      .resize(width, height, { fit: "fill", kernel: "lanczos3" })
      .extract({ left, top, width: version.width, height: version.height });
    save(index, await small.jpeg(jpeg).toBuffer());
    const [across, down] = [full / width, tall / height];
    boxes.push([left * across, top * down, version.width * across, version.height * down]);
  }
  return boxes;
}

// The best that we could write: one small decode to raw pixels, halved levels, Lanczos from there.
async function pyramid(data, versions) {
  const head = await sharp(data).metadata();
  const raw = (image) => image.raw().toBuffer({ resolveWithObject: true });
  const scale = Math.max(...versions.map((version) => version.width / version.box_width));
  let shrink = 1;
  if (head.format === "jpeg") while (shrink < 8 && 1 / (2 * shrink) >= scale) shrink *= 2;
  // sharp shrinks on load less than this asks for, by a factor of 2 or more, so the filter counts.
  const size = [Math.floor(head.width / shrink), Math.floor(head.height / shrink)];
  const input = sharp(data);
  const levels = [await raw(shrink > 1 ? input.resize(...size, { fit: "fill", kernel: "linear" }) : input)];
  const boxes = [];
  for (const [index, version] of versions.entries()) {
    let across = levels[0].info.width / head.width;
    let down = levels[0].info.height / head.height;
    let spare = Math.min((version.box_width * across) / version.width, (version.box_height * down) / version.height);
    let depth = 0;
    for (; spare >= 2; depth++) spare /= 2;
    while (levels.length <= depth) {
      const last = levels.at(-1);
      const half = [Math.ceil(last.info.width / 2), Math.ceil(last.info.height / 2)];
      levels.push(await raw(sharp(last.data, { raw: last.info }).resize(...half, { fit: "fill", kernel: "linear" })));
    }
    const { data: pixels, info } = levels[depth];
    across = info.width / head.width;
    down = info.height / head.height;
    const left = Math.min(Math.round(version.x * across), info.width - 1);
    const top = Math.min(Math.round(version.y * down), info.height - 1);
    const width = Math.min(Math.round(version.box_width * across), info.width - left);
    const height = Math.min(Math.round(version.box_height * down), info.height - top);
    const small = sharp(pixels, { raw: info })
      .extract({ left, top, width, height })
      .resize(version.width, version.height, { fit: "fill", kernel: "lanczos3" });
    save(index, await small.jpeg(jpeg).toBuffer());
    boxes.push([left / across, top / down, width / across, height / down]);
  }
  return boxes;
}

const engine = { "sharp-clone": clone, "sharp-pyramid": pyramid }[name];
const read = (file) => JSON.parse(fs.readFileSync(file, "utf8"));
await engine(fs.readFileSync(warmUp), read(warmUpPlan));
const milliseconds = [];
let boxes = [];
for (let run = 0; run < Number(runs); run++) {
  const began = process.cpuUsage();
  boxes = await engine(fs.readFileSync(photo), read(plan));
  const { user, system } = process.cpuUsage(began);
  milliseconds.push((user + system) / 1000);
}
// resourceUsage would count the memory of the process that started this one.
const peak = Math.floor(Number(/VmHWM:\s+(\d+)/.exec(fs.readFileSync("/proc/self/status", "utf8"))[1]) / 1024);
console.log(JSON.stringify({ milliseconds, peak, boxes }));
