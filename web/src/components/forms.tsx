/** Fields with their labels. */

import { useId, type ReactNode } from "react";

interface FieldProps {
  readonly label: string;
  readonly value: string;
  readonly change: (value: string) => void;
  readonly help?: ReactNode;
  readonly isRequired?: boolean;
}

export function TextField({ label, value, change, help, isRequired, type = "text", autoComplete = "off", placeholder, isFocused }: FieldProps & {
  type?: string; autoComplete?: string; placeholder?: string; isFocused?: boolean;
}) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input id={id} className="input" type={type} value={value} required={isRequired} autoComplete={autoComplete} placeholder={placeholder}
        autoFocus={isFocused} onChange={(event) => change(event.target.value)} />
      {help && <div className="help">{help}</div>}
    </div>
  );
}

export function AreaField({ label, value, change, help, rows = 4, isCode = false, onSubmit }: FieldProps & { rows?: number; isCode?: boolean; onSubmit?: () => void }) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <textarea id={id} className={`input ${isCode ? "code" : ""}`} rows={rows} value={value} spellCheck={!isCode}
        onChange={(event) => change(event.target.value)}
        onKeyDown={(event) => {
          if (onSubmit && event.key === "Enter" && (event.ctrlKey || event.metaKey)) onSubmit();
        }} />
      {help && <div className="help">{help}</div>}
    </div>
  );
}

export interface Option {
  readonly value: string;
  readonly label: string;
}

export function SelectField({ label, value, change, help, options, isLabelHidden = false }: FieldProps & { options: readonly Option[]; isLabelHidden?: boolean }) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id} className={isLabelHidden ? "hidden-label" : undefined}>{label}</label>
      <select id={id} className="input" value={value} onChange={(event) => change(event.target.value)}>
        {options.map((option) => <option key={option.value} value={option.value}>{option.label}</option>)}
      </select>
      {help && <div className="help">{help}</div>}
    </div>
  );
}

/** Several of a list. */
export function Choices({ label, options, chosen, change }: { label: string; options: readonly Option[]; chosen: readonly string[]; change: (chosen: string[]) => void }) {
  return (
    <fieldset>
      <legend>{label}</legend>
      {options.map((option) => (
        <label key={option.value} className="choice">
          <input type="checkbox" checked={chosen.includes(option.value)}
            onChange={(event) => change(event.target.checked ? [...chosen, option.value] : chosen.filter((each) => each !== option.value))} />
          {option.label}
        </label>
      ))}
    </fieldset>
  );
}

export function Check({ label, value, change }: { label: string; value: boolean; change: (value: boolean) => void }) {
  return (
    <label className="choice">
      <input type="checkbox" checked={value} onChange={(event) => change(event.target.checked)} />
      {label}
    </label>
  );
}
