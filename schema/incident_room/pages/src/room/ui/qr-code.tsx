// A text as a picture that the camera of a phone reads. The codes are made by qrcode-generator: error correction and
// masks (ISO/IEC 18004) are no work for a page of our own, and it has no dependency.
import qrcode from "qrcode-generator";

// Modules of nothing around the code, which scanners need (ISO/IEC 18004, section 5.3.8).
const MARGIN = 4;

export function QrCode({ text, label }: { text: string; label: string }) {
  const code = qrcode(0, "M");
  code.addData(text);
  code.make();
  const size = code.getModuleCount();
  const numbers = [...Array(size).keys()];
  const dark = numbers.flatMap((row) => numbers.filter((column) => code.isDark(row, column)).map((column) => `M${column} ${row}h1v1h-1z`));
  const whole = size + 2 * MARGIN;
  return (
    <svg class="qr" role="img" aria-label={label} viewBox={`${-MARGIN} ${-MARGIN} ${whole} ${whole}`} shape-rendering="crispEdges">
      <path d={dark.join("")} />
    </svg>
  );
}
