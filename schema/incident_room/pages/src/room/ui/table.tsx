// A table that becomes a list of cards on a narrow screen. The roles stay those of a table there too.
import type { ComponentChildren } from "preact";

interface Props {
  label: string;
  columns: string[];
  /** The rows: a key, and the cells, of which one names the row. */
  rows: { key: string; cells: ComponentChildren[] }[];
  /** The number of the cell that names its row. */
  head?: number;
}

export function Table({ label, columns, rows, head = 0 }: Props) {
  if (!rows.length) return null;
  return (
    <table role="table" aria-label={label}>
      <thead role="rowgroup">
        <tr role="row">
          {columns.map((each) => (
            <th key={each} role="columnheader" scope="col">
              {each}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {rows.map(({ key, cells }) => (
          <tr key={key} role="row">
            {cells.map((cell, number) =>
              number === head ? (
                <th key={number} role="rowheader" scope="row" data-label={columns[number]}>
                  <div>{cell ?? "–"}</div>
                </th>
              ) : (
                <td key={number} role="cell" data-label={columns[number]}>
                  <div>{cell ?? "–"}</div>
                </td>
              ),
            )}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
