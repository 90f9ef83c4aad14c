/** A small line without axes: the shape of a series. The figures stand beside it. */
export function Spark({ values, width = 120, height = 32, label }: { values: (number | null)[]; width?: number; height?: number; label: string }) {
  const known = values.filter((v): v is number => v !== null);
  const most = Math.max(...known, 0);
  if (known.length < 2 || most <= 0) return <svg class="spark" width={width} height={height} aria-hidden="true" />;
  const step = width / (values.length - 1);
  const y = (v: number) => height - 2 - (v / most) * (height - 5);
  const points = values.map((v, i) => [i * step, y(v ?? 0)] as const);
  const line = points.map(([x, at], i) => `${i ? 'L' : 'M'}${x.toFixed(1)} ${at.toFixed(1)}`).join('');
  const [endX, endY] = points[points.length - 1] ?? [0, 0];
  return (
    <svg class="spark" viewBox={`0 0 ${width} ${height}`} width={width} height={height} role="img" aria-label={label} preserveAspectRatio="none">
      <path class="spark-area" d={`${line}L${width} ${height}L0 ${height}Z`} />
      <path class="spark-line" d={line} />
      <circle class="spark-end" cx={Math.min(endX, width - 2)} cy={endY} r="2" />
    </svg>
  );
}
