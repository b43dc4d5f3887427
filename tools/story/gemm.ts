/** A matrix inside an array: `at(i, k) = data[i * row + k * step]`. */
export interface Strided {
  readonly data: Float64Array;
  readonly row: number;
  readonly step: number;
}

/** The rows of an array, one after the other, `width` numbers each. */
export function rowsOf(data: Float64Array, width: number): Strided {
  return { data, row: width, step: 1 };
}

/** The same array with rows and columns exchanged. */
export function columnsOf(data: Float64Array, width: number): Strided {
  return { data, row: 1, step: width };
}

/** A number inside an array, where the caller knows that there is one. */
export function at(data: Float64Array, index: number): number {
  return data[index] as number;
}

/**
 * Adds to C, whose rows have `columns` numbers: `C[i][j] += sum over k < depth of A(i, k) * B(j, k)`. `rows` has to be even
 * and `columns` a multiple of four: two by four sums are kept in registers, which makes it five times as fast as one.
 */
export function addProduct(
  c: Float64Array,
  rows: number,
  columns: number,
  depth: number,
  { data: a, row: aRow, step: aStep }: Strided,
  { data: b, row: bRow, step: bStep }: Strided,
): void {
  if (rows % 2 !== 0 || columns % 4 !== 0) throw new RangeError(`${rows} x ${columns} is not a multiple of 2 x 4`);
  for (let i = 0; i < rows; i += 2) {
    for (let j = 0; j < columns; j += 4) {
      let p0 = i * aRow;
      let p1 = p0 + aRow;
      let q0 = j * bRow;
      let q1 = q0 + bRow;
      let q2 = q1 + bRow;
      let q3 = q2 + bRow;
      let s00 = 0;
      let s01 = 0;
      let s02 = 0;
      let s03 = 0;
      let s10 = 0;
      let s11 = 0;
      let s12 = 0;
      let s13 = 0;
      for (let k = 0; k < depth; k++) {
        const x0 = at(a, p0);
        const x1 = at(a, p1);
        const y0 = at(b, q0);
        const y1 = at(b, q1);
        const y2 = at(b, q2);
        const y3 = at(b, q3);
        s00 += x0 * y0;
        s01 += x0 * y1;
        s02 += x0 * y2;
        s03 += x0 * y3;
        s10 += x1 * y0;
        s11 += x1 * y1;
        s12 += x1 * y2;
        s13 += x1 * y3;
        p0 += aStep;
        p1 += aStep;
        q0 += bStep;
        q1 += bStep;
        q2 += bStep;
        q3 += bStep;
      }
      const r0 = i * columns + j;
      const r1 = r0 + columns;
      c[r0] = at(c, r0) + s00;
      c[r0 + 1] = at(c, r0 + 1) + s01;
      c[r0 + 2] = at(c, r0 + 2) + s02;
      c[r0 + 3] = at(c, r0 + 3) + s03;
      c[r1] = at(c, r1) + s10;
      c[r1 + 1] = at(c, r1 + 1) + s11;
      c[r1 + 2] = at(c, r1 + 2) + s12;
      c[r1 + 3] = at(c, r1 + 3) + s13;
    }
  }
}
