/** What every page has besides its rows. */
export interface Paged {
  next_cursor: string | null;
}

/** The rows of all pages, each page asked for when its first row is wanted. */
export async function* rowsOf<Page extends Paged, Row>(
  ask: (cursor: string | undefined) => Promise<Page>,
  rows: (page: Page) => readonly Row[],
  first?: string,
): AsyncGenerator<Row, void, undefined> {
  let cursor = first;
  do {
    const page = await ask(cursor);
    yield* rows(page);
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
}

export async function collect<Row>(rows: AsyncIterable<Row>): Promise<Row[]> {
  const found: Row[] = [];
  for await (const row of rows) found.push(row);
  return found;
}
