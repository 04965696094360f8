/** Where in the console one is: the part of the address behind '#/', so that links, history and bookmarks work. */
import { useEffect, useState } from './view.ts';

/** '#/clients/mine' -> ['clients', 'mine']. */
export function usePlace(): readonly string[] {
  const [place, setPlace] = useState(readPlace);
  useEffect(() => {
    const read = (): void => setPlace(readPlace());
    addEventListener('hashchange', read);
    return () => removeEventListener('hashchange', read);
  }, []);
  return place;
}

export function goTo(place: string): void {
  location.hash = place;
}

function readPlace(): readonly string[] {
  return location.hash.replace(/^#\/?/, '').split('/').filter(Boolean);
}
