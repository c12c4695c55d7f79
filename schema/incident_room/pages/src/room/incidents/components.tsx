// The choice of the components that an incident affects.
export interface Component {
  id: string;
  name: string;
  group: string | null;
}

interface Props {
  all: Component[];
  chosen: string[];
  onChoose: (ids: string[]) => void;
}

export function ComponentChoice({ all, chosen, onChoose }: Props) {
  const toggle = (id: string) => onChoose(chosen.includes(id) ? chosen.filter((each) => each !== id) : [...chosen, id]);
  return (
    <fieldset class="choices">
      <legend>Affected components</legend>
      {all.map(({ id, name }) => (
        <label key={id} class="choice">
          <input type="checkbox" checked={chosen.includes(id)} onChange={() => toggle(id)} />
          {name}
        </label>
      ))}
    </fieldset>
  );
}
