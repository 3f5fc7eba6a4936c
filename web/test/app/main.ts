// An app that takes the package by its name: a picture by the element, and one by decode().
import { decode, refine, type Decoded } from "dcodec";
import "dcodec/element";

declare global {
  interface Window {
    shown: (Decoded & { image: ImageData })[];
    failed: string;
  }
}

async function start(): Promise<void> {
  const element = document.createElement("dfc-img");
  element.alt = "a picture";
  element.bpp = null;
  element.src = "./picture.dfc";
  document.body.append(element);
  await new Promise<void>((resolve, reject) => {
    element.addEventListener("load", () => resolve());
    element.addEventListener("error", (event) => reject(event.detail.error));
  });
  const whole = await decode(new URL("./picture.dfc", document.baseURI), { onHeader: ({ width }) => console.log(width) });
  const shown = [whole];
  for await (const step of refine(await fetch("./picture.dfc"), { bpp: 0.5 })) shown.push(step);
  window.shown = shown;
}

start().catch((error: unknown) => (window.failed = String(error)));
