import { createContext, useContext, useEffect, useMemo, useState } from 'react';

export interface Place {
  /** Where this is: "Reservations", or the short id on an object's page. */
  here: React.ReactNode;
  /** As text, for the title of the tab, where `here` is more than text. */
  title?: string;
  trail?: readonly { label: string; href: string }[];
  /** False when the page has a heading of its own; it then is the only `h1`. */
  heading?: boolean;
}

interface Places {
  place: Place;
  setPlace: (place: Place) => void;
}

const PlaceContext = createContext<Places | null>(null);

export function PlaceProvider({ children }: { children: React.ReactNode }) {
  const [place, setPlace] = useState<Place>({ here: '' });
  const places = useMemo(() => ({ place, setPlace }), [place]);
  return <PlaceContext value={places}>{children}</PlaceContext>;
}

function usePlaces(): Places {
  const places = useContext(PlaceContext);
  if (places === null) throw new Error('Bug: a page outside of the shell.');
  return places;
}

export const useHere = (): Place => usePlaces().place;

/** Says in the top bar, and in the title of the tab, where this is. */
export function usePlace({ here, title, trail, heading }: Place): void {
  const { setPlace } = usePlaces();
  const name = title ?? (typeof here === 'string' ? here : 'Holdfast');
  const path = trail?.map(({ label, href }) => `${label} ${href}`).join();
  useEffect(() => {
    setPlace({ here, trail, heading });
    document.title = `${name} · Holdfast`;
    // The trail is compared by what it says: pages write it anew with every rendering.
  }, [setPlace, name, heading, path]);
}
